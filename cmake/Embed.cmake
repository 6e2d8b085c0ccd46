# raie_embed_files(TARGET NAME file...): the files become part of TARGET, as raie::EmbeddedFiles() of
# report/embedded_files.h, in the order given, by name without folder. NAME: of the source file made.
# Run as a script (-P) with OUTPUT and FILES it writes that source file.
if(CMAKE_SCRIPT_MODE_FILE)
  set(source "#include \"report/embedded_files.h\"\n\nnamespace raie {\nnamespace {\n\nusing namespace std::string_view_literals;\n\n")
  string(APPEND source "constexpr EmbeddedFile kFiles[] = {\n")
  foreach(file ${FILES})
    get_filename_component(name ${file} NAME)
    file(READ ${file} bytes HEX)
    string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
    string(APPEND source "    {\"${name}\", \"${bytes}\"sv},\n")
  endforeach()
  string(APPEND source "};\n\n}  // namespace\n\nstd::span<const EmbeddedFile> EmbeddedFiles() { return kFiles; }\n\n}  // namespace raie\n")
  file(WRITE ${OUTPUT} "${source}")
  return()
endif()

set(RAIE_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(raie_embed_files target name)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name})
  add_custom_command(OUTPUT ${output}
                     COMMAND ${CMAKE_COMMAND} "-DOUTPUT=${output}" "-DFILES=${ARGN}" -P ${RAIE_EMBED_SCRIPT}
                     DEPENDS ${ARGN} ${RAIE_EMBED_SCRIPT} VERBATIM)
  target_sources(${target} PRIVATE ${output})
  set_source_files_properties(${output} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
