# SPDX-License-Identifier: MIT
# doc.cmake -- the API reference (target doc) and the manual pages, if their tools are there.
#
# The pages of the tool are made from what it prints itself: man/make.sh.

find_program(TUBES_DOXYGEN doxygen)
find_program(TUBES_SCDOC scdoc)
mark_as_advanced(TUBES_DOXYGEN TUBES_SCDOC)
tubes_feature("API reference" "${TUBES_DOXYGEN}" "" doxygen)
tubes_feature("manual pages" "${TUBES_SCDOC}" "" scdoc)

if(TUBES_DOXYGEN)
  set(TUBES_DOC_DIR ${CMAKE_BINARY_DIR}/doc)
  configure_file(Doxyfile.in Doxyfile @ONLY)
  add_custom_target(doc
    COMMAND ${CMAKE_COMMAND} -E make_directory ${TUBES_DOC_DIR}
    COMMAND ${TUBES_DOXYGEN} ${CMAKE_BINARY_DIR}/Doxyfile
    COMMENT "API reference: ${TUBES_DOC_DIR}/html/index.html" VERBATIM)
endif()

if(TUBES_SCDOC AND TARGET tubes AND NOT CMAKE_CROSSCOMPILING AND NOT TUBES_SANITIZE)
  file(GLOB man_sources CONFIGURE_DEPENDS man/* include/tubes/*.h)
  set(man_pages man/tubes.1 man/libtubes.3 man/tubes-stages.7)
  list(TRANSFORM man_pages PREPEND ${CMAKE_BINARY_DIR}/)
  add_custom_command(OUTPUT ${man_pages}
    COMMAND sh ${CMAKE_SOURCE_DIR}/man/make.sh $<TARGET_FILE:tubes> ${TUBES_SCDOC}
            ${CMAKE_BINARY_DIR}/man
    DEPENDS tubes ${man_sources} COMMENT "manual pages" VERBATIM)
  add_custom_target(man ALL DEPENDS ${man_pages})
  install(FILES ${CMAKE_BINARY_DIR}/man/tubes.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES ${CMAKE_BINARY_DIR}/man/libtubes.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
  install(FILES ${CMAKE_BINARY_DIR}/man/tubes-stages.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
endif()
